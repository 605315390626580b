// @vitest-environment jsdom
import { cleanup, fireEvent, render, screen } from '@testing-library/react';
import { type ReactNode, useState } from 'react';
import { afterEach, describe, expect, it } from 'vitest';
import { completePrefix, isPrefix } from '../lib/address.js';
import { ChipField } from './chip-field.js';

function Prefixes(): ReactNode {
  const [values, setValues] = useState<string[]>([]);
  return (
    <ChipField
      label="Networks"
      values={values}
      onChange={setValues}
      normalize={completePrefix}
      problem={(text) => (isPrefix(text) ? undefined : `“${text}” is wrong`)}
    />
  );
}

const chips = (): string[] =>
  screen.queryAllByRole('button').map((button) => button.getAttribute('aria-label')?.split(' ')[1] ?? '');

describe('a field of many short texts', () => {
  afterEach(cleanup);

  const type = (text: string): HTMLElement => {
    const input = screen.getByLabelText('Networks');
    fireEvent.change(input, { target: { value: text } });
    return input;
  };

  it('takes several at once, each once, in their full form', () => {
    render(<Prefixes />);
    fireEvent.keyDown(type('10.0.0.0/8, 10.0.0.7 10.0.0.0/8'), { key: 'Enter' });
    expect(chips()).toEqual(['10.0.0.0/8', '10.0.0.7/32']);
  });

  it('takes what was typed when the field is left', () => {
    render(<Prefixes />);
    fireEvent.blur(type('fd00::/48'));
    expect(chips()).toEqual(['fd00::/48']);
  });

  it('keeps a wrong one in sight and says what is wrong', () => {
    render(<Prefixes />);
    const input = type('10.0.0.0/99');
    fireEvent.keyDown(input, { key: 'Enter' });
    expect(chips()).toEqual(['10.0.0.0/99']);
    expect(input.getAttribute('aria-invalid')).toBe('true');
    expect(screen.getByText('“10.0.0.0/99” is wrong')).toBeTruthy();
  });

  it('takes the last one away with Backspace in the empty field', () => {
    render(<Prefixes />);
    const input = type('10.0.0.0/8 11.0.0.0/8');
    fireEvent.keyDown(input, { key: 'Enter' });
    fireEvent.keyDown(input, { key: 'Backspace' });
    expect(chips()).toEqual(['10.0.0.0/8']);
  });
});
