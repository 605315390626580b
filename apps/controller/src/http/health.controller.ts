import { Controller, Get, Header, HttpCode, HttpException } from '@nestjs/common';
import { WorkerDatabase } from '../database/worker-database.js';

/** Longer than a database that serves takes to answer, in milliseconds. */
const PATIENCE_MS = 2_000;

/** For whoever supervises the process. */
@Controller()
export class HealthController {
  constructor(private readonly database: WorkerDatabase) {}

  /** The process serves. */
  @Get('healthz')
  @HttpCode(200)
  @Header('Cache-Control', 'no-store')
  alive(): { status: string } {
    return { status: 'ok' };
  }

  /** Requests can be answered: the database does. */
  @Get('readyz')
  @HttpCode(200)
  @Header('Cache-Control', 'no-store')
  async ready(): Promise<{ status: string }> {
    if (await this.databaseAnswers()) return { status: 'ok' };
    throw new HttpException({ status: 'unavailable', database: 'does not answer' }, 503);
  }

  private async databaseAnswers(): Promise<boolean> {
    const answer = this.database.prisma.$queryRaw`SELECT 1`.then(
      () => true,
      () => false,
    );
    let timer: NodeJS.Timeout | undefined;
    const patience = new Promise<boolean>((resolve) => {
      timer = setTimeout(resolve, PATIENCE_MS, false);
    });
    return Promise.race([answer, patience]).finally(() => {
      clearTimeout(timer);
    });
  }
}
