import { useEffect, useState, useSyncExternalStore } from 'react';

export type Theme = 'system' | 'light' | 'dark';

const STORAGE_KEY = 'longhaul.theme';
const listeners = new Set<() => void>();

function isTheme(value: string | null | undefined): value is Theme {
  return value === 'system' || value === 'light' || value === 'dark';
}

function storedTheme(): Theme {
  try {
    const stored = localStorage.getItem(STORAGE_KEY);
    return isTheme(stored) ? stored : 'system';
  } catch {
    return 'system';
  }
}

let current: Theme = storedTheme();

function apply(theme: Theme): void {
  const { dataset } = document.documentElement;
  if (theme === 'system') delete dataset.theme;
  else dataset.theme = theme;
}

/** Puts the viewer's choice of an earlier visit on the page; to be called before the first render. */
export function startTheme(): void {
  apply(current);
}

/** Chooses a theme for this browser, now and on later visits. */
export function chooseTheme(theme: Theme): void {
  current = theme;
  apply(theme);
  try {
    localStorage.setItem(STORAGE_KEY, theme);
  } catch {
    // A browser without storage keeps the choice for this visit.
  }
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** The viewer's choice. */
export function useTheme(): Theme {
  return useSyncExternalStore(subscribe, () => current);
}

/** What the choice comes to: the system's own preference is followed as it changes. */
export function useResolvedTheme(): 'light' | 'dark' {
  const theme = useTheme();
  const [systemDark, setSystemDark] = useState(
    () => window.matchMedia('(prefers-color-scheme: dark)').matches,
  );
  useEffect(() => {
    const query = window.matchMedia('(prefers-color-scheme: dark)');
    const follow = (): void => {
      setSystemDark(query.matches);
    };
    query.addEventListener('change', follow);
    return () => {
      query.removeEventListener('change', follow);
    };
  }, []);
  if (theme !== 'system') return theme;
  return systemDark ? 'dark' : 'light';
}
