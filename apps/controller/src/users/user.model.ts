import { Field, GraphQLISODateTime, ID, InputType, ObjectType } from '@nestjs/graphql';
import { Role } from '../generated/prisma/enums.js';

@ObjectType({ description: 'A person of the organization.' })
export class User {
  @Field(() => ID, { description: 'Opaque.' })
  id: string;

  @Field({ description: 'In lower case; what they sign in with.' })
  email: string;

  @Field(() => Role, { description: 'What they may do here.' })
  role: Role;

  @Field(() => GraphQLISODateTime, { description: 'When they were added to the organization.' })
  createdAt: Date;
}

@InputType({ description: 'A person to add.' })
export class CreateUserInput {
  @Field({ description: 'Nobody else may have it.' })
  email: string;

  @Field({ description: '12 to 200 characters.' })
  password: string;

  @Field(() => Role, { description: 'What they may do.' })
  role: Role;
}
