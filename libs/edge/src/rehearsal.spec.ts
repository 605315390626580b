import { rehearse } from './rehearsal.js';

describe('rehearse', () => {
  it('carries its bytes and leaves nothing open', async () => {
    await expect(rehearse(60_000)).resolves.toBeUndefined();
  });

  it('is broken off at its deadline', async () => {
    await expect(rehearse(1)).resolves.toBeUndefined();
  });
});
