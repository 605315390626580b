import { Field, ID, ObjectType, registerEnumType } from '@nestjs/graphql';
import { Role } from '../generated/prisma/enums.js';
import type { Principal } from './principal.js';

registerEnumType(Role, {
  name: 'Role',
  description: 'What a person may do in an organization; each role may all that the later ones may.',
  valuesMap: {
    OWNER: { description: 'Manages people.' },
    ADMIN: { description: 'Manages sites, links, agents and tokens.' },
    OPERATOR: { description: 'Edits the policy.' },
    VIEWER: { description: 'Reads.' },
  },
});

@ObjectType({ description: 'Who asks.' })
export class Viewer {
  @Field(() => ID, { description: 'Of the person, or of the API token.' })
  id: string;

  @Field({ description: 'E-mail address of the person; of an API token, its name.' })
  email: string;

  @Field(() => Role, { description: 'In the organization that the caller works in.' })
  role: Role;
}

export const toViewer = ({ id, name, role }: Principal): Viewer => ({ id, email: name, role });
