import { type ReactNode, useState } from 'react';
import { Button } from '../ui/button.js';
import { Dialog } from '../ui/dialog.js';
import { Segmented } from '../ui/field.js';

const HOUR_MS = 3_600_000;

const TIMES = [
  { value: '1', label: '1 hour' },
  { value: '4', label: '4 hours' },
  { value: '24', label: '1 day' },
  { value: '168', label: '1 week' },
] as const;

type Hours = (typeof TIMES)[number]['value'];

/** Silences an alert or a rule for a time, or ends that. */
export function SilenceButton({
  what,
  silencedUntil,
  disabled,
  onSilence,
}: {
  /** For assistive technology: several of these stand below each other. */
  what: string;
  silencedUntil: string | null;
  disabled: boolean;
  onSilence: (until: Date | null) => void;
}): ReactNode {
  const [open, setOpen] = useState(false);
  const [hours, setHours] = useState<Hours>('4');
  const close = (): void => {
    setOpen(false);
  };
  if (silencedUntil !== null && Date.parse(silencedUntil) > Date.now()) {
    return (
      <Button
        small
        disabled={disabled}
        aria-label={`End the silence of ${what}`}
        onClick={() => {
          onSilence(null);
        }}
      >
        End silence
      </Button>
    );
  }
  return (
    <>
      <Button
        small
        disabled={disabled}
        aria-label={`Silence ${what}`}
        onClick={() => {
          setOpen(true);
        }}
      >
        Silence
      </Button>
      <Dialog
        open={open}
        onClose={close}
        title="Silence"
        description={what}
        footer={
          <>
            <Button onClick={close}>Cancel</Button>
            <Button
              variant="primary"
              onClick={() => {
                close();
                onSilence(new Date(Date.now() + Number(hours) * HOUR_MS));
              }}
            >
              Silence
            </Button>
          </>
        }
      >
        <div className="space-y-3">
          <Segmented label="For how long" value={hours} choices={TIMES} onChoose={setHours} />
          <p className="text-sm text-ink-2">
            Nobody is told that it fires in this time. That it is over is told all the same.
          </p>
        </div>
      </Dialog>
    </>
  );
}
