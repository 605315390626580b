/** Why a service could not be started; `message` says what to do. */
export type ServiceErrorCode =
  | 'PORT_TAKEN'
  | 'TOOL_MISSING'
  | 'DOWNLOAD_FAILED'
  | 'PLATFORM_UNSUPPORTED'
  | 'DATA_DIR_UNUSABLE'
  | 'DATA_DIR_IN_USE'
  | 'START_FAILED';

/** An embedded service could not be started. */
export class ServiceError extends Error {
  override readonly name = 'ServiceError';

  constructor(
    readonly code: ServiceErrorCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
