export { startController, type RunningController } from './start.js';
export { loadSettings, SettingsError, type Settings } from './config/settings.js';
export { prepareControllerState, type ControllerState } from './bootstrap/prepare.js';
