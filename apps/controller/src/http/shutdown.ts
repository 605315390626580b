import { Injectable } from '@nestjs/common';

/** Whether this replica is on its way out. From that moment on it is not ready, and asks for nothing new. */
@Injectable()
export class Shutdown {
  private begun = false;

  get hasBegun(): boolean {
    return this.begun;
  }

  begin(): void {
    this.begun = true;
  }
}
