import { Link, Outlet, useNavigate } from '@tanstack/react-router';
import { Bell, CircleHelp, Gauge, ListOrdered, Plus } from 'lucide-react';
import { type ReactNode, useCallback, useState } from 'react';
import { AccountMenu } from '../account/account-menu.js';
import { useFeed } from '../live/use-feed.js';
import { Button } from '../ui/button.js';
import { FeedBanner, FeedStatusLine } from './feed-banner.js';
import { HelpDialog } from './help-dialog.js';
import { Logo } from './logo.js';
import { type ShortcutName, useShortcuts } from './shortcuts.js';

const PAGES = [
  { to: '/fleet', label: 'Fleet', icon: Gauge, keys: 'g f' },
  { to: '/enrol', label: 'Enrol a site', icon: Plus, keys: 'g e' },
  { to: '/policy', label: 'Policy', icon: ListOrdered, keys: 'g p' },
  { to: '/alerts', label: 'Alerts', icon: Bell, keys: 'g a' },
] as const;

function Navigation(): ReactNode {
  return (
    <nav aria-label="Pages" className="flex gap-1 md:flex-col">
      {PAGES.map(({ to, label, icon: Icon, keys }) => (
        <Link
          key={to}
          to={to}
          className="group flex flex-1 items-center justify-center gap-2.5 rounded-md px-2.5 py-1.5 text-sm whitespace-nowrap max-md:gap-1.5 max-md:px-1.5 font-medium text-ink-2 hover:bg-sunken hover:text-ink md:flex-none md:justify-start"
          activeProps={{ className: 'bg-accent-soft !text-accent', 'aria-current': 'page' }}
        >
          <Icon aria-hidden className="size-4 shrink-0" />
          {label}
          <kbd
            aria-hidden
            className="ml-auto hidden font-mono text-2xs text-ink-3 opacity-0 group-hover:opacity-100 group-focus-visible:opacity-100 md:block"
          >
            {keys}
          </kbd>
        </Link>
      ))}
    </nav>
  );
}

/** What is around every page: navigation, the state of the live feed, the account. */
export function Shell(): ReactNode {
  const navigate = useNavigate();
  const { status } = useFeed();
  const [helpOpen, setHelpOpen] = useState(false);
  const run = useCallback(
    (name: ShortcutName) => {
      if (name === 'help') setHelpOpen(true);
      else void navigate({ to: `/${name}` });
    },
    [navigate],
  );
  useShortcuts(run);
  const help = (
    <Button
      variant="ghost"
      small
      icon
      aria-label="Keyboard shortcuts"
      title="Keyboard shortcuts (?)"
      onClick={() => {
        setHelpOpen(true);
      }}
    >
      <CircleHelp aria-hidden className="size-4" />
    </Button>
  );
  return (
    <div data-feed={status} className="md:grid md:min-h-dvh md:grid-cols-[13.5rem_1fr]">
      <a
        href="#main"
        className="sr-only z-50 rounded-md bg-accent px-3 py-2 text-sm font-medium text-on-accent focus:not-sr-only focus:fixed focus:top-2 focus:left-2"
      >
        Skip to content
      </a>
      <aside className="border-line bg-surface max-md:sticky max-md:top-0 max-md:z-30 max-md:border-b md:border-r">
        <div className="flex flex-col gap-2 p-2 md:sticky md:top-0 md:h-dvh md:gap-5 md:p-3">
          <div className="flex items-center gap-2 md:px-1.5 md:pt-1.5">
            <Logo />
            <div className="ml-auto flex items-center gap-2 md:hidden">
              <FeedStatusLine />
              {help}
              <AccountMenu compact />
            </div>
          </div>
          <Navigation />
          <div className="mt-auto hidden flex-col gap-2 md:flex">
            <div className="flex items-center justify-between px-2.5">
              <FeedStatusLine />
              {help}
            </div>
            <AccountMenu />
          </div>
        </div>
      </aside>
      <div className="min-w-0">
        <FeedBanner />
        <main
          id="main"
          tabIndex={-1}
          className="mx-auto max-w-[100rem] px-3 py-4 outline-none sm:px-5 md:px-6 md:py-6"
        >
          <Outlet />
        </main>
      </div>
      <HelpDialog
        open={helpOpen}
        onClose={() => {
          setHelpOpen(false);
        }}
      />
    </div>
  );
}
