import { type ReactNode, useState } from 'react';
import { Button } from './button.js';

/** The beginning of a long list, and a button that shows four times as much, as long as there is more. */
export function useBeginning<Item>(
  items: readonly Item[],
  firstRows: number,
  label: string,
): { shown: readonly Item[]; more: ReactNode } {
  const [rows, setRows] = useState(firstRows);
  const more = items.length > rows && (
    <div className="border-t border-line p-2 text-center">
      <Button
        variant="ghost"
        small
        onClick={() => {
          setRows(rows * 4);
        }}
      >
        {label}
      </Button>
    </div>
  );
  return { shown: items.slice(0, rows), more };
}
