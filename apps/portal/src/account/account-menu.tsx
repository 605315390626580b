import * as Menu from '@radix-ui/react-dropdown-menu';
import { Check, ChevronsUpDown, LogOut, LockKeyhole, Monitor, Moon, Sun } from 'lucide-react';
import { type ReactNode, useState } from 'react';
import { useMutation } from 'urql';
import { ROLE_NAMES } from '../app/roles.js';
import { useSession, useViewer } from '../app/session.js';
import { chooseTheme, type Theme, useTheme } from '../app/theme.js';
import { SignOutMutation } from './account.documents.js';
import { PasswordDialog } from './password-dialog.js';

const THEMES = [
  { value: 'system', label: 'As the system', icon: Monitor },
  { value: 'light', label: 'Light', icon: Sun },
  { value: 'dark', label: 'Dark', icon: Moon },
] as const satisfies { value: Theme; label: string; icon: typeof Sun }[];

const ITEM =
  'flex cursor-pointer items-center gap-2.5 rounded px-2.5 py-1.5 text-sm outline-none data-highlighted:bg-accent-soft data-highlighted:text-accent';

function ThemeChoice(): ReactNode {
  const theme = useTheme();
  return (
    <Menu.RadioGroup
      value={theme}
      onValueChange={(value) => {
        const chosen = THEMES.find((each) => each.value === value);
        if (chosen) chooseTheme(chosen.value);
      }}
    >
      <Menu.Label className="px-2.5 pt-1.5 pb-1 text-2xs font-medium tracking-wide text-ink-3 uppercase">
        Theme
      </Menu.Label>
      {THEMES.map(({ value, label, icon: Icon }) => (
        <Menu.RadioItem key={value} value={value} className={ITEM}>
          <Icon aria-hidden className="size-4" />
          {label}
          <Menu.ItemIndicator className="ml-auto">
            <Check aria-hidden className="size-4" />
          </Menu.ItemIndicator>
        </Menu.RadioItem>
      ))}
    </Menu.RadioGroup>
  );
}

/** Who is signed in, as what; theme, password, sign out. */
export function AccountMenu({ compact = false }: { compact?: boolean }): ReactNode {
  const viewer = useViewer();
  const { renew } = useSession();
  const [passwordOpen, setPasswordOpen] = useState(false);
  const [, signOut] = useMutation(SignOutMutation);
  const initial = viewer.email.slice(0, 1).toUpperCase();
  const role = ROLE_NAMES[viewer.role];
  return (
    <>
      <Menu.Root modal={false}>
        <Menu.Trigger
          aria-label={compact ? `Account: ${viewer.email}, ${role}` : undefined}
          className="flex min-w-0 items-center gap-2.5 rounded-md p-1.5 text-left hover:bg-sunken data-[state=open]:bg-sunken"
        >
          <span
            aria-hidden
            className="flex size-7 shrink-0 items-center justify-center rounded-full bg-accent-soft text-xs font-semibold text-accent"
          >
            {initial}
          </span>
          {!compact && (
            <>
              <span className="sr-only">Account</span>
              <span className="min-w-0 flex-1 leading-tight">
                <span className="block truncate text-xs font-medium">{viewer.email}</span>
                <span className="block truncate text-2xs text-ink-3">
                  {role} · {viewer.organization.name}
                </span>
              </span>
              <ChevronsUpDown aria-hidden className="size-3.5 shrink-0 text-ink-3" />
            </>
          )}
        </Menu.Trigger>
        <Menu.Portal>
          <Menu.Content
            align="end"
            sideOffset={6}
            collisionPadding={8}
            className="arrive z-40 w-60 rounded-lg border border-line bg-raised p-1 shadow-[0_12px_36px_var(--shadow)]"
          >
            <div className="px-2.5 py-2">
              <p className="truncate text-sm font-semibold">{viewer.email}</p>
              <p className="text-xs text-ink-3">
                {role} of {viewer.organization.name}
              </p>
            </div>
            <Menu.Separator className="my-1 h-px bg-line" />
            <ThemeChoice />
            <Menu.Separator className="my-1 h-px bg-line" />
            <Menu.Item
              className={ITEM}
              onSelect={() => {
                setPasswordOpen(true);
              }}
            >
              <LockKeyhole aria-hidden className="size-4" />
              Change password…
            </Menu.Item>
            <Menu.Item
              className={ITEM}
              onSelect={() => {
                void signOut({}).then(renew);
              }}
            >
              <LogOut aria-hidden className="size-4" />
              Sign out
            </Menu.Item>
          </Menu.Content>
        </Menu.Portal>
      </Menu.Root>
      <PasswordDialog
        open={passwordOpen}
        onClose={() => {
          setPasswordOpen(false);
        }}
      />
    </>
  );
}
