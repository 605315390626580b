import { PeerPlacement } from './peer-placement.js';

it('peers are dealt out evenly', () => {
  const planned = new PeerPlacement(3).plan(['a', 'b', 'c', 'd', 'e']);
  expect([...planned]).toEqual([
    ['a', 0],
    ['b', 1],
    ['c', 2],
    ['d', 0],
    ['e', 1],
  ]);
});

it('a peer stays where it is, and new ones go where peers have gone', () => {
  const placement = new PeerPlacement(2);
  placement.adopt(placement.plan(['a', 'b', 'c', 'd']));
  placement.adopt(placement.plan(['d', 'b', 'new 1', 'new 2']));
  expect([...placement.inForce].sort()).toEqual([
    ['b', 1],
    ['d', 1],
    ['new 1', 0],
    ['new 2', 0],
  ]);
});

it('a plan that is not adopted changes nothing', () => {
  const placement = new PeerPlacement(2);
  placement.adopt(placement.plan(['a', 'b']));
  placement.plan(['b']);
  expect(placement.plan(['b', 'a']).get('a')).toBe(0);
});
