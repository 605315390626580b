import { useEffect } from 'react';

/** A second key after `g` counts for this long, in milliseconds. */
export const SEQUENCE_MS = 1200;

export interface Shortcut {
  /** One key, or two that are pressed one after the other. */
  keys: readonly [string] | readonly [string, string];
  does: string;
}

export const SHORTCUTS = {
  fleet: { keys: ['g', 'f'], does: 'Go to Fleet' },
  enrol: { keys: ['g', 'e'], does: 'Go to Enrol a site' },
  policy: { keys: ['g', 'p'], does: 'Go to Policy' },
  alerts: { keys: ['g', 'a'], does: 'Go to Alerts' },
  help: { keys: ['?'], does: 'Show these shortcuts' },
} as const satisfies Record<string, Shortcut>;

export type ShortcutName = keyof typeof SHORTCUTS;

/** Recognises shortcuts in a stream of keys; `atMs` tells how long ago the last one was. */
export class ShortcutReader {
  #first: { key: string; atMs: number } | undefined;

  read(key: string, atMs: number): ShortcutName | undefined {
    const recent = this.#first !== undefined && atMs - this.#first.atMs <= SEQUENCE_MS;
    const pressed = recent ? [this.#first?.key, key] : [key];
    const found = Object.entries(SHORTCUTS).find(([, { keys }]: [string, Shortcut]) =>
      keys.every((each, index) => each === pressed.at(index - keys.length)),
    );
    this.#first = found === undefined ? { key, atMs } : undefined;
    return found?.[0] as ShortcutName | undefined;
  }
}

function isTyping(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  if (target.isContentEditable || ['TEXTAREA', 'SELECT'].includes(target.tagName)) return true;
  return target instanceof HTMLInputElement && !['checkbox', 'radio', 'button'].includes(target.type);
}

/** Calls `run` for each shortcut that is pressed outside fields and dialogs. */
export function useShortcuts(run: (name: ShortcutName) => void): void {
  useEffect(() => {
    const reader = new ShortcutReader();
    const onKeyDown = (event: KeyboardEvent): void => {
      if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || isTyping(event.target))
        return;
      if (document.querySelector('[role="dialog"], [role="menu"]') !== null) return;
      const name = reader.read(event.key, event.timeStamp);
      if (name === undefined) return;
      event.preventDefault();
      run(name);
    };
    document.addEventListener('keydown', onKeyDown);
    return () => {
      document.removeEventListener('keydown', onKeyDown);
    };
  }, [run]);
}
