import { Catch, Logger, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import type { ServerResponse } from 'node:http';
import { AgentApiError } from './agent-api-error.js';

/** Answers every failure of the agent API in the contract's form; what was not foreseen is logged, not told. */
@Catch()
export class AgentApiFilter implements ExceptionFilter {
  private readonly logger = new Logger('AgentApi');

  catch(exception: unknown, host: ArgumentsHost): void {
    sendError(host.switchToHttp().getResponse<ServerResponse>(), this.toError(exception));
  }

  private toError(exception: unknown): AgentApiError {
    if (exception instanceof AgentApiError) return exception;
    this.logger.error(exception instanceof Error ? exception.stack : String(exception));
    return new AgentApiError('INTERNAL', 'The controller failed; its log says why. Try again.');
  }
}

export const sendError = (response: ServerResponse, error: AgentApiError): void => {
  response.statusCode = error.status;
  response.setHeader('Content-Type', 'application/json; charset=utf-8');
  response.setHeader('Cache-Control', 'no-store');
  response.end(JSON.stringify(error));
};
