import {
  getNamedType,
  getNullableType,
  isCompositeType,
  isIntrospectionType,
  isListType,
  isObjectType,
  Kind,
  type ArgumentNode,
  type DocumentNode,
  type FieldNode,
  type FragmentDefinitionNode,
  type GraphQLCompositeType,
  type GraphQLField,
  type GraphQLSchema,
  type OperationDefinitionNode,
  type SelectionSetNode,
} from 'graphql';
import { ApiError } from './errors.js';
import { DEFAULT_PAGE_SIZE } from './page.model.js';

/**
 * Objects that an answer may hold, by the sizes of the pages that it asks for. The portal's dearest query, a page of links
 * with both ends and the site of each, is counted as 7,502, a page of sites with their agents as 2,002.
 */
export const MAX_COST = 25_000;
/** Counted for a list that has no pages and does not say how long it is: rules of a policy, ports of a rule. */
const UNPAGED_SIZE = 5;

/** Extension of a field that is a list without pages: how many items it has, usually. */
export const USUAL_SIZE = 'usualSize';

/** An operation as it was asked. */
export interface AskedOperation {
  readonly schema: GraphQLSchema;
  readonly document: DocumentNode;
  readonly operation: OperationDefinitionNode;
  readonly variables: Readonly<Record<string, unknown>>;
}

/**
 * How many objects the answer may hold: each field of an object type counts once for every object that it stands in, and a
 * list as often as `first` says (the counting of nodes that GitHub's API does). Documents of unlimited depth or with
 * fragments that contain themselves have to be refused before.
 */
export const costOf = ({ schema, document, operation, variables }: AskedOperation): number => {
  const root = schema.getRootType(operation.operation);
  return root ? new Count(document, operation, variables).of(operation.selectionSet, root) : 0;
};

/** @throws ApiError QUERY_TOO_COSTLY */
export const assertAffordable = (asked: AskedOperation): void => {
  const cost = costOf(asked);
  if (cost <= MAX_COST) return;
  throw new ApiError(
    'QUERY_TOO_COSTLY',
    `The query may return ${String(cost)} objects, and ${String(MAX_COST)} are allowed: ask for shorter pages (first) or for less in each.`,
    { cost, limit: MAX_COST, http: { status: 400 } },
  );
};

class Count {
  private readonly fragments: ReadonlyMap<string, FragmentDefinitionNode>;

  constructor(
    document: DocumentNode,
    private readonly operation: OperationDefinitionNode,
    private readonly variables: Readonly<Record<string, unknown>>,
  ) {
    this.fragments = new Map(
      document.definitions.flatMap((node) =>
        node.kind === Kind.FRAGMENT_DEFINITION ? [[node.name.value, node] as const] : [],
      ),
    );
  }

  /** @param pageSize of the connection that the selection stands in */
  of({ selections }: SelectionSetNode, type: GraphQLCompositeType, pageSize?: number): number {
    let sum = 0;
    for (const selection of selections) {
      if (selection.kind === Kind.FIELD) sum += this.ofField(selection, type, pageSize);
      else if (selection.kind === Kind.INLINE_FRAGMENT)
        sum += this.of(selection.selectionSet, type, pageSize);
      else {
        const fragment = this.fragments.get(selection.name.value);
        if (fragment) sum += this.of(fragment.selectionSet, type, pageSize);
      }
    }
    return sum;
  }

  private ofField(node: FieldNode, type: GraphQLCompositeType, pageSize: number | undefined): number {
    const field = isObjectType(type) ? type.getFields()[node.name.value] : undefined;
    if (field === undefined || node.selectionSet === undefined) return 0;
    const named = getNamedType(field.type);
    if (!isCompositeType(named) || isIntrospectionType(named)) return 0;
    const times = isListType(getNullableType(field.type)) ? (pageSize ?? usualSize(field)) : 1;
    return times * (1 + this.of(node.selectionSet, named, this.pageSizeOf(node, field)));
  }

  private pageSizeOf(node: FieldNode, field: GraphQLField<unknown, unknown>): number | undefined {
    if (!field.args.some(({ name }) => name === 'first')) return undefined;
    const given = node.arguments?.find(({ name }) => name.value === 'first');
    const size = given && this.valueOf(given);
    return typeof size === 'number' && size > 0 ? size : DEFAULT_PAGE_SIZE;
  }

  private valueOf({ value }: ArgumentNode): unknown {
    if (value.kind === Kind.INT) return Number(value.value);
    if (value.kind !== Kind.VARIABLE) return undefined;
    const name = value.name.value;
    if (this.variables[name] !== undefined) return this.variables[name];
    const declared = this.operation.variableDefinitions?.find(({ variable }) => variable.name.value === name);
    return declared?.defaultValue?.kind === Kind.INT ? Number(declared.defaultValue.value) : undefined;
  }
}

const usualSize = ({ extensions }: GraphQLField<unknown, unknown>): number => {
  const size = extensions[USUAL_SIZE];
  return typeof size === 'number' ? size : UNPAGED_SIZE;
};
