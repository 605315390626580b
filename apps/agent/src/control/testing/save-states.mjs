/** Saves states of growing generation, as fast as it can, until it is killed. Arguments: directory, first state as JSON. */
import process from 'node:process';
import { LastGoodState } from '../../../dist/control/last-good-state.js';

const [directory, json] = process.argv.slice(2);
const state = JSON.parse(json);
const store = new LastGoodState(directory, state);
for (let generation = state.generation; ; generation++) {
  await store.save({ ...state, generation });
  process.stdout.write(`${generation}\n`);
}
