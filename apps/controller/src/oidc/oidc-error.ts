/** Why a sign-in by OpenID Connect came to nothing; the portal has a sentence for each. */
export type OidcProblem =
  'unavailable' | 'expired' | 'refused' | 'no-email' | 'unverified-email' | 'no-access' | 'other-account';

/** The code is for the person, the message for the log. */
export class OidcError extends Error {
  override readonly name = 'OidcError';

  constructor(
    readonly problem: OidcProblem,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
