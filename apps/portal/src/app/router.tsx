import {
  createRootRouteWithContext,
  createRoute,
  createRouter,
  lazyRouteComponent,
  Link,
  Outlet,
  redirect,
} from '@tanstack/react-router';
import { CircleAlert } from 'lucide-react';
import type { ReactNode } from 'react';
import type { Viewer } from '../api/schema.js';
import { FeedProvider } from '../live/use-feed.js';
import { SignInPage } from '../sign-in/sign-in-page.js';
import { Empty, Loading } from '../ui/panel.js';
import { Notice } from '../ui/status.js';
import { Shell } from './shell.js';

/** Ranges of a link's series that can be asked for, in minutes. */
export const SERIES_MINUTES = [5, 15, 60, 360] as const;
export type SeriesMinutes = (typeof SERIES_MINUTES)[number];

const text = (value: unknown): string | undefined =>
  typeof value === 'string' && value !== '' ? value : undefined;

/** Only a path of this portal: never an address that a link from elsewhere could lead to. */
function ownPath(value: unknown): string | undefined {
  const path = text(value);
  return path?.startsWith('/') === true && !path.startsWith('//') && !path.includes('\\') ? path : undefined;
}

function NotFound(): ReactNode {
  return (
    <Empty
      icon={<CircleAlert className="size-5" />}
      title="There is no such page"
      action={
        <Link to="/fleet" className="text-sm font-medium text-accent underline underline-offset-2">
          Go to Fleet
        </Link>
      }
    >
      The address may be from an older version of the portal.
    </Empty>
  );
}

function PageFailed({ error }: { error: unknown }): ReactNode {
  return (
    <Notice tone="bad" title="This page failed">
      {error instanceof Error ? error.message : String(error)} Load the page again; if that does not help,
      report it with this message.
    </Notice>
  );
}

/** Who is signed in, for routes to decide before they load. */
export interface RouterContext {
  viewer: Viewer | null;
}

function SignedIn(): ReactNode {
  return (
    <FeedProvider>
      <Shell />
    </FeedProvider>
  );
}

const rootRoute = createRootRouteWithContext<RouterContext>()({
  component: Outlet,
  notFoundComponent: NotFound,
});

const signInRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: '/sign-in',
  validateSearch: (search): { next?: string; problem?: string } => {
    const next = ownPath(search.next);
    const problem = text(search.problem);
    return { ...(next === undefined ? {} : { next }), ...(problem === undefined ? {} : { problem }) };
  },
  beforeLoad: ({ context, search }) => {
    if (context.viewer !== null) redirect({ to: search.next ?? '/fleet', replace: true, throw: true });
  },
  component: SignIn,
});

function SignIn(): ReactNode {
  return <SignInPage {...signInRoute.useSearch()} />;
}

/** Pages for a signed-in viewer; anyone else is asked to sign in and then comes back. */
const signedInRoute = createRoute({
  getParentRoute: () => rootRoute,
  id: 'signed-in',
  beforeLoad: ({ context, location }) => {
    if (context.viewer === null) {
      redirect({ to: '/sign-in', search: { next: location.href }, replace: true, throw: true });
    }
  },
  component: SignedIn,
});

const homeRoute = createRoute({
  getParentRoute: () => signedInRoute,
  path: '/',
  beforeLoad: () => {
    redirect({ to: '/fleet', replace: true, throw: true });
  },
});

export interface FleetSearch {
  link?: string;
  /** The agent from whose end the link is seen. */
  from?: string;
  minutes?: SeriesMinutes;
}

const fleetRoute = createRoute({
  getParentRoute: () => signedInRoute,
  path: '/fleet',
  validateSearch: (search): FleetSearch => {
    const link = text(search.link);
    const from = text(search.from);
    const minutes = SERIES_MINUTES.find((each) => each === Number(search.minutes));
    return { ...(link && { link }), ...(from && { from }), ...(minutes && { minutes }) };
  },
  component: lazyRouteComponent(() => import('../fleet/fleet-page.js'), 'FleetPage'),
});

const enrolRoute = createRoute({
  getParentRoute: () => signedInRoute,
  path: '/enrol',
  component: lazyRouteComponent(() => import('../enrol/enrol-page.js'), 'EnrolPage'),
});

export interface PolicySearch {
  /** The revision of the history that is being looked at. */
  revision?: number;
}

const policyRoute = createRoute({
  getParentRoute: () => signedInRoute,
  path: '/policy',
  validateSearch: (search): PolicySearch => {
    const revision = Number(search.revision);
    return Number.isInteger(revision) && revision > 0 ? { revision } : {};
  },
  component: lazyRouteComponent(() => import('../policy/policy-page.js'), 'PolicyPage'),
});

const alertsRoute = createRoute({
  getParentRoute: () => signedInRoute,
  path: '/alerts',
  component: lazyRouteComponent(() => import('../alerts/alerts-page.js'), 'AlertsPage'),
});

export const router = createRouter({
  routeTree: rootRoute.addChildren([
    signInRoute,
    signedInRoute.addChildren([homeRoute, fleetRoute, enrolRoute, policyRoute, alertsRoute]),
  ]),
  context: { viewer: null },
  defaultPreload: 'intent',
  scrollRestoration: true,
  defaultPendingComponent: Loading,
  defaultErrorComponent: PageFailed,
});

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router;
  }
}
