import {
  getNamedType,
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isObjectType,
  isRequiredArgument,
  isScalarType,
  isUnionType,
  type GraphQLField,
  type GraphQLInputType,
  type GraphQLObjectType,
  type GraphQLOutputType,
  type GraphQLSchema,
} from 'graphql';

/** A field of one of the root types, as it is asked for. */
export interface RootField {
  /** `Query.sites`, `Mutation.createSite`, … */
  readonly name: string;
  readonly operation: 'query' | 'mutation' | 'subscription';
  readonly field: GraphQLField<unknown, unknown>;
}

/** All that a client can begin with. */
export const rootFields = (schema: GraphQLSchema): RootField[] =>
  (
    [
      ['query', schema.getQueryType()],
      ['mutation', schema.getMutationType()],
      ['subscription', schema.getSubscriptionType()],
    ] as const
  ).flatMap(([operation, type]) =>
    Object.values(type?.getFields() ?? {}).map((field) => ({
      name: `${type?.name ?? ''}.${field.name}`,
      operation,
      field,
    })),
  );

/** The operation that gives every argument as a variable and selects every field, each type once. */
export const wholeOperation = ({ operation, field }: RootField): string => {
  const declared = field.args.map(({ name, type }) => `$${name}: ${String(type)}`).join(', ');
  const passed = field.args.map(({ name }) => `${name}: $${name}`).join(', ');
  const inBrackets = (text: string): string => (text === '' ? '' : `(${text})`);
  const selection = selectAll(field.type, new Set());
  return `${operation} ${inBrackets(declared)} { ${field.name}${inBrackets(passed)} ${selection} }`;
};

const selectAll = (type: GraphQLOutputType, seen: Set<string>): string => {
  const named = getNamedType(type);
  if (isScalarType(named) || isEnumType(named)) return '';
  if (!isObjectType(named) || seen.has(named.name)) return '{ __typename }';
  seen.add(named.name);
  const fields = Object.values(named.getFields())
    .filter(({ args }) => !args.some(isRequiredArgument))
    .map((field) => `${field.name} ${selectAll(field.type, seen)}`);
  return `{ __typename ${fields.join(' ')} }`;
};

/** Whether an argument takes an id, however deep. */
export const takesIds = ({ field }: RootField): boolean =>
  field.args.some(({ type }) => holdsId(type, new Set()));

const holdsId = (type: GraphQLInputType, seen: Set<string>): boolean => {
  const named = getNamedType(type);
  if (named.name === 'ID') return true;
  if (!isInputObjectType(named) || seen.has(named.name)) return false;
  seen.add(named.name);
  return Object.values(named.getFields()).some((field) => holdsId(field.type, seen));
};

/** The object types that an answer can hold. */
export const reachableTypes = (type: GraphQLOutputType, found = new Set<GraphQLObjectType>()) => {
  const named = getNamedType(type);
  if (isUnionType(named)) for (const member of named.getTypes()) reachableTypes(member, found);
  if (isInterfaceType(named)) throw new Error(`teach reachableTypes what implements ${named.name}`);
  if (isObjectType(named) && !found.has(named)) {
    found.add(named);
    for (const field of Object.values(named.getFields())) reachableTypes(field.type, found);
  }
  return found;
};
