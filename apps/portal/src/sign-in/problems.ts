const TEXTS: Readonly<Record<string, string>> = {
  unavailable: 'The identity provider cannot be reached: try again, or sign in with a password.',
  expired: 'That sign-in took too long or began in another browser: begin again.',
  refused: 'The identity provider did not let you in: begin again, or ask whoever runs it.',
  'no-email': 'The identity provider does not tell your e-mail address: ask whoever runs it.',
  'unverified-email': 'Your e-mail address is not verified at the identity provider: verify it there first.',
  'no-access': 'You belong to no organization here: ask its owner to add you.',
  'other-account': 'Your e-mail address has an account of its own here: sign in with its password.',
};

/** What the controller means by `?problem=`; undefined for none, and for what it never says. */
export const problemText = (problem: string | undefined): string | undefined =>
  problem !== undefined && Object.hasOwn(TEXTS, problem) ? TEXTS[problem] : undefined;
