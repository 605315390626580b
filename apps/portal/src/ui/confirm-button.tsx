import { type ReactNode, useState } from 'react';
import { Button } from './button.js';
import { Dialog } from './dialog.js';

/** A button for what cannot be taken back: it says what will happen before it happens. */
export function ConfirmButton({
  label,
  what,
  title,
  children,
  onConfirm,
  disabled = false,
}: {
  label: string;
  /** What it is done to, for assistive technology: several of these stand below each other. */
  what: string;
  title: string;
  children: ReactNode;
  onConfirm: () => void;
  disabled?: boolean;
}): ReactNode {
  const [open, setOpen] = useState(false);
  const close = (): void => {
    setOpen(false);
  };
  return (
    <>
      <Button
        small
        variant="danger"
        disabled={disabled}
        aria-label={`${label} ${what}`}
        onClick={() => {
          setOpen(true);
        }}
      >
        {label}
      </Button>
      <Dialog
        open={open}
        onClose={close}
        title={title}
        footer={
          <>
            <Button onClick={close}>Cancel</Button>
            <Button
              variant="danger"
              onClick={() => {
                close();
                onConfirm();
              }}
            >
              {label}
            </Button>
          </>
        }
      >
        <p className="text-sm text-ink-2">{children}</p>
      </Dialog>
    </>
  );
}
