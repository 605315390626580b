import { Field, ID, InputType, registerEnumType } from '@nestjs/graphql';
import { PolicyScope } from '../generated/prisma/enums.js';

registerEnumType(PolicyScope, {
  name: 'PolicyScope',
  description: 'For which sites a policy is. What is nearer to a site is asked first there.',
  valuesMap: {
    ORGANIZATION: { description: 'All sites; asked last.' },
    SITE_GROUP: { description: 'Sites that carry a label; asked before the organization’s.' },
    SITE: { description: 'One site; asked first.' },
  },
});

@InputType({
  description: 'Which policy: of a site group, of a site, or (nothing given) of the organization.',
})
export class PolicyTargetInput {
  @Field(() => String, { nullable: true, description: 'Of the site group.' })
  label?: string | null;

  @Field(() => ID, { nullable: true, description: 'Of the site.' })
  siteId?: string | null;
}
