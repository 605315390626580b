import { findLink, type Link, loadLinks } from '@longhaul/wan-emulator';
import { InvalidArgumentError } from 'commander';
import { type Transport, TRANSPORTS } from '../runs/transfer-result.js';

/** A comma-separated list without empty or repeated entries. */
export function parseList(text: string): string[] {
  const entries = [...new Set(text.split(',').map((entry) => entry.trim()))].filter((entry) => entry !== '');
  if (entries.length === 0) throw new InvalidArgumentError('give at least one, separated by commas.');
  return entries;
}

export function parseTransports(text: string): Transport[] {
  return parseList(text).map((name) => {
    const known = TRANSPORTS.find((transport) => transport === name);
    if (known) return known;
    throw new InvalidArgumentError(`there is no transport "${name}"; there are ${TRANSPORTS.join(', ')}.`);
  });
}

/** A parser for a number within a range. */
export function numberWithin(min: number, max: number, whole = false): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() !== '' && value >= min && value <= max && (!whole || Number.isInteger(value)))
      return value;
    throw new InvalidArgumentError(`give a ${whole ? 'whole ' : ''}number from ${min} to ${max}.`);
  };
}

/** Links by name, from the lab's own file or one of the same form. */
export function resolveLinks(names: readonly string[], file: string | undefined): Link[] {
  const { links } = loadLinks(file);
  return names.map((name) => findLink(links, name));
}
