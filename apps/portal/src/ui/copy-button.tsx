import { Check, Copy } from 'lucide-react';
import { type ReactNode, useEffect, useState } from 'react';
import { Button } from './button.js';

const SHOWN_MS = 2000;

/** Where the page is not in a secure context there is no clipboard API; a selection and the old command still work. */
function copyBySelection(text: string): boolean {
  const area = document.createElement('textarea');
  area.value = text;
  document.body.append(area);
  area.select();
  const copied = document.execCommand('copy');
  area.remove();
  return copied;
}

async function copy(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyBySelection(text);
  }
}

/** Copies a text and says whether it did. */
export function CopyButton({ text, label }: { text: string; label: string }): ReactNode {
  const [outcome, setOutcome] = useState<'copied' | 'failed'>();
  useEffect(() => {
    if (outcome === undefined) return;
    const timer = window.setTimeout(() => {
      setOutcome(undefined);
    }, SHOWN_MS);
    return () => {
      window.clearTimeout(timer);
    };
  }, [outcome]);
  const onClick = (): void => {
    void copy(text).then((done) => {
      setOutcome(done ? 'copied' : 'failed');
    });
  };
  return (
    <Button variant="primary" onClick={onClick}>
      {outcome === 'copied' ? (
        <Check aria-hidden className="size-4" />
      ) : (
        <Copy aria-hidden className="size-4" />
      )}
      <span aria-live="polite">
        {outcome === 'copied' ? 'Copied' : outcome === 'failed' ? 'Select and copy by hand' : label}
      </span>
    </Button>
  );
}
