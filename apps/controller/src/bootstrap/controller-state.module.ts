import { type DynamicModule, Module } from '@nestjs/common';
import type { ControllerState } from './prepare.js';

/** Injects the {@link ControllerState}: `@Inject(CONTROLLER_STATE) state: ControllerState`. */
export const CONTROLLER_STATE = Symbol('controller state');

@Module({})
export class ControllerStateModule {
  static with(state: ControllerState): DynamicModule {
    return {
      module: ControllerStateModule,
      global: true,
      providers: [{ provide: CONTROLLER_STATE, useValue: state }],
      exports: [CONTROLLER_STATE],
    };
  }
}
