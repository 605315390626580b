import { document } from '../api/document.js';
import type { SignInMethods, Viewer } from '../api/schema.js';

export const ViewerQuery = document<{ viewer: Viewer | null }>(/* GraphQL */ `
  query Viewer {
    viewer {
      id
      email
      role
      organization {
        id
        name
      }
    }
  }
`);

export const SignInMethodsQuery = document<{ signInMethods: SignInMethods }>(/* GraphQL */ `
  query SignInMethods {
    signInMethods {
      oidc {
        name
        url
      }
    }
  }
`);

export const SignInMutation = document<{ signIn: Viewer }, { email: string; password: string }>(
  /* GraphQL */ `
    mutation SignIn($email: String!, $password: String!) {
      signIn(email: $email, password: $password) {
        id
        email
        role
        organization {
          id
          name
        }
      }
    }
  `,
);

export const SignOutMutation = document<{ signOut: boolean }>(/* GraphQL */ `
  mutation SignOut {
    signOut
  }
`);

export const ChangePasswordMutation = document<
  { changePassword: boolean },
  { current: string; next: string }
>(/* GraphQL */ `
  mutation ChangePassword($current: String!, $next: String!) {
    changePassword(current: $current, next: $next)
  }
`);
