import { type ElementType, type ReactNode, useEffect } from 'react';

/**
 * Stands in for the package react-remove-scroll, which Radix uses below dialogs and menus: the page behind does not
 * scroll. Locks by an attribute and our own style sheet instead of an injected <style>, which a strict CSP refuses.
 */
export function RemoveScroll({
  as: Host = 'div',
  children,
  enabled = true,
}: {
  as?: ElementType;
  children: ReactNode;
  enabled?: boolean;
}): ReactNode {
  useEffect(() => {
    if (!enabled) return;
    const { dataset } = document.documentElement;
    dataset.scrollLocked = '';
    return () => {
      delete dataset.scrollLocked;
    };
  }, [enabled]);
  return <Host>{children}</Host>;
}
