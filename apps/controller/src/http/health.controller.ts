import { Controller, Get, Header, HttpCode, HttpException } from '@nestjs/common';
import { Readiness } from './readiness.js';

/** For whoever supervises the process, or shares requests out among replicas. */
@Controller()
export class HealthController {
  constructor(private readonly readiness: Readiness) {}

  /** The process serves. */
  @Get('healthz')
  @HttpCode(200)
  @Header('Cache-Control', 'no-store')
  alive(): { status: string } {
    return { status: 'ok' };
  }

  /** Requests may be sent here; 503 with all reasons if not. */
  @Get('readyz')
  @HttpCode(200)
  @Header('Cache-Control', 'no-store')
  async ready(): Promise<{ status: string }> {
    const reasons = await this.readiness.reasons();
    if (reasons.length === 0) return { status: 'ok' };
    throw new HttpException({ status: 'unavailable', reasons }, 503);
  }
}
