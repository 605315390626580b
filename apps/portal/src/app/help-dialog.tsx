import type { ReactNode } from 'react';
import { Dialog } from '../ui/dialog.js';
import { SHORTCUTS, type Shortcut } from './shortcuts.js';

function Key({ children }: { children: string }): ReactNode {
  return (
    <kbd className="inline-flex min-w-6 justify-center rounded border border-line-strong bg-sunken px-1.5 font-mono text-xs leading-5">
      {children}
    </kbd>
  );
}

const ELSEWHERE: readonly Shortcut[] = [
  { keys: ['Alt ↑'], does: 'In the policy: move the rule up' },
  { keys: ['Alt ↓'], does: 'In the policy: move the rule down' },
  { keys: ['Esc'], does: 'Close a dialog or a menu' },
];

/** All keyboard shortcuts. */
export function HelpDialog({ open, onClose }: { open: boolean; onClose: () => void }): ReactNode {
  const shortcuts: readonly Shortcut[] = [...Object.values(SHORTCUTS), ...ELSEWHERE];
  return (
    <Dialog
      open={open}
      onClose={onClose}
      title="Keyboard shortcuts"
      description="They work wherever you are not typing."
    >
      <dl className="grid grid-cols-[auto_1fr] items-center gap-x-4 gap-y-2 text-sm">
        {shortcuts.map(({ keys, does }) => (
          <div key={does} className="contents">
            <dt className="flex items-center gap-1 text-ink-3">
              {keys.map((key) => (
                <Key key={key}>{key}</Key>
              ))}
            </dt>
            <dd>{does}</dd>
          </div>
        ))}
      </dl>
    </Dialog>
  );
}
