// @vitest-environment jsdom
import { cleanup, fireEvent, render, screen, within } from '@testing-library/react';
import { type ReactNode, useReducer } from 'react';
import { afterEach, describe, expect, it } from 'vitest';
import { draftReducer } from './draft.js';
import { RuleList } from './rule-list.js';
import { draftOf, NAMES, storedDocument } from './testing.js';
import { problemsIn } from './validate.js';

function Editor({ readOnly = false }: { readOnly?: boolean }): ReactNode {
  const [{ rules, openKey }, dispatch] = useReducer(draftReducer, draftOf(storedDocument('a', 'b', 'c')));
  return (
    <RuleList
      {...{ rules, openKey, readOnly, dispatch }}
      names={NAMES}
      problems={problemsIn(rules, NAMES)}
      changedKeys={new Set()}
    />
  );
}

const names = (): string[] => screen.getAllByText(/^Rule \w$/).map(({ textContent }) => textContent ?? '');

describe('the list of rules', () => {
  afterEach(cleanup);

  it('moves a rule with Alt and the arrow keys', () => {
    render(<Editor />);
    fireEvent.keyDown(screen.getByRole('button', { name: /^Rule a/ }), { key: 'ArrowDown', altKey: true });
    expect(names()).toEqual(['Rule b', 'Rule a', 'Rule c']);
  });

  it('does not offer to move a rule beyond the ends', () => {
    render(<Editor />);
    expect(screen.getByRole<HTMLButtonElement>('button', { name: 'Move up Rule a' }).disabled).toBe(true);
    expect(screen.getByRole<HTMLButtonElement>('button', { name: 'Move down Rule c' }).disabled).toBe(true);
    expect(screen.getByRole<HTMLButtonElement>('button', { name: 'Move down Rule a' }).disabled).toBe(false);
  });

  it('switches a rule off and says so in words', () => {
    render(<Editor />);
    const enabled = screen.getByRole('switch', { name: 'Rule b is enabled' });
    fireEvent.click(enabled);
    expect(enabled.getAttribute('aria-checked')).toBe('false');
    expect(screen.getByText('Off')).toBeTruthy();
  });

  it('keeps ports that cannot be read, and says what is wrong with them', () => {
    render(<Editor />);
    fireEvent.click(screen.getByRole('button', { name: /^Rule a/ }));
    fireEvent.change(screen.getByLabelText('Traffic'), { target: { value: ':ports' } });
    const ports = screen.getByLabelText<HTMLInputElement>('Ports');
    fireEvent.change(ports, { target: { value: '80, 90-' } });
    expect(ports.value).toBe('80, 90-');
    expect(ports.getAttribute('aria-invalid')).toBe('true');
    expect(screen.getByText(/“90-” is not a port/)).toBeTruthy();
    fireEvent.change(ports, { target: { value: '80, 90-99' } });
    expect(ports.getAttribute('aria-invalid')).toBeNull();
    expect(screen.getByText('port 80, 90-99')).toBeTruthy();
  });

  it('takes a site by its name, in any case, and refuses one that is not there', () => {
    render(<Editor />);
    fireEvent.click(screen.getByRole('button', { name: /^Rule a/ }));
    const from = within(screen.getByRole('group', { name: 'From' }));
    const sites = from.getByLabelText('Sites');
    fireEvent.change(sites, { target: { value: 'new york' } });
    fireEvent.keyDown(sites, { key: 'Enter' });
    fireEvent.change(sites, { target: { value: 'Nowhere' } });
    fireEvent.keyDown(sites, { key: 'Enter' });
    expect(from.getByRole('button', { name: 'Remove New York from Sites' })).toBeTruthy();
    expect(from.getByText('There is no site “Nowhere”.')).toBeTruthy();
  });

  it('lets a viewer read and change nothing', () => {
    render(<Editor readOnly />);
    expect(screen.queryByRole('button', { name: /Move|Remove|Add|Duplicate/ })).toBeNull();
    for (const each of screen.getAllByRole<HTMLButtonElement>('switch')) expect(each.disabled).toBe(true);
  });
});
