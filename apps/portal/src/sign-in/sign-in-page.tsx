import { type FormEvent, type ReactNode, useState } from 'react';
import { useMutation, useQuery } from 'urql';
import { SignInMethodsQuery, SignInMutation } from '../account/account.documents.js';
import { errorMessage } from '../api/client.js';
import { Logo } from '../app/logo.js';
import { useSession } from '../app/session.js';
import { useTitle } from '../app/title.js';
import { Button } from '../ui/button.js';
import { TextField } from '../ui/field.js';
import { Notice } from '../ui/status.js';
import { problemText } from './problems.js';

function SignInForm(): ReactNode {
  const { renew } = useSession();
  const [email, setEmail] = useState('');
  const [password, setPassword] = useState('');
  const [{ fetching, error }, signIn] = useMutation(SignInMutation);
  const onSubmit = (event: FormEvent): void => {
    event.preventDefault();
    void signIn({ email: email.trim(), password }).then(({ data }) => {
      if (data) renew();
    });
  };
  return (
    <form onSubmit={onSubmit} className="space-y-4">
      {error && (
        <Notice tone="bad" title="Not signed in">
          {errorMessage(error)}
        </Notice>
      )}
      <TextField
        label="Email"
        type="email"
        name="email"
        autoComplete="username"
        required
        autoFocus
        value={email}
        onChange={(event) => {
          setEmail(event.target.value);
        }}
      />
      <TextField
        label="Password"
        type="password"
        name="password"
        autoComplete="current-password"
        required
        value={password}
        onChange={(event) => {
          setPassword(event.target.value);
        }}
      />
      <Button type="submit" variant="primary" busy={fetching} className="w-full">
        {fetching ? 'Signing in…' : 'Sign in'}
      </Button>
    </form>
  );
}

/** Only where the controller has an identity provider. */
function ProviderLink({ next }: { next: string | undefined }): ReactNode {
  const [{ data }] = useQuery({ query: SignInMethodsQuery });
  const oidc = data?.signInMethods.oidc ?? null;
  if (oidc === null) return null;
  const address = next === undefined ? oidc.url : `${oidc.url}?next=${encodeURIComponent(next)}`;
  return (
    <>
      <p className="my-4 text-center text-xs text-ink-3">or</p>
      <a
        href={address}
        className="flex h-8.5 w-full items-center justify-center rounded-md border border-line-strong bg-raised px-3.5 text-sm font-medium text-ink transition-colors hover:bg-sunken"
      >
        Sign in with {oidc.name}
      </a>
    </>
  );
}

interface SignInPageProps {
  /** The page to be at afterwards. */
  next?: string | undefined;
  /** Why the identity provider's sign-in came to nothing. */
  problem?: string | undefined;
}

export function SignInPage({ next, problem }: SignInPageProps): ReactNode {
  useTitle('Sign in');
  const trouble = problemText(problem);
  return (
    <main className="flex min-h-dvh items-center justify-center p-4">
      <div className="w-full max-w-88">
        <div className="mb-6 flex justify-center">
          <Logo />
        </div>
        <div className="rounded-lg border border-line bg-surface p-6 shadow-[0_8px_30px_var(--shadow)]">
          <h1 className="mb-4 text-base font-semibold">Sign in to your fleet</h1>
          {trouble !== undefined && (
            <div className="mb-4">
              <Notice tone="bad" title="Not signed in">
                {trouble}
              </Notice>
            </div>
          )}
          <SignInForm />
          <ProviderLink next={next} />
        </div>
        <p className="mt-4 text-center text-xs text-ink-3">
          First time here? The controller prints the owner’s email and password once, at its first start.
        </p>
      </div>
    </main>
  );
}
