import { Catch } from '@nestjs/common';
import type { GqlExceptionFilter } from '@nestjs/graphql';
import { ApiError } from './errors.js';

/** A refusal is an answer, not a failure of the controller: the client gets it, and the log does not. */
@Catch(ApiError)
export class RefusalFilter implements GqlExceptionFilter {
  catch(refusal: ApiError): ApiError {
    return refusal;
  }
}
