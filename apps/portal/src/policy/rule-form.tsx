import { type ReactNode, useState } from 'react';
import { formatPorts, parsePorts } from '../lib/address.js';
import { type Choice, SelectField, TextField } from '../ui/field.js';
import { ACTIONS, choicesOf, CLASSES, COMPRESSIONS, type PolicyNames, WHEN_PEER_DOWN } from './describe.js';
import type { Rule } from './draft.js';
import { SelectorFields } from './selector-fields.js';
import type { Problem } from './validate.js';

type Change = Partial<Omit<Rule, 'key' | 'saved'>>;

interface FormProps {
  rule: Rule;
  names: PolicyNames;
  problems: readonly Problem[];
  onChange: (change: Change) => void;
}

const ALL_TCP = ':all';
const PORTS = ':ports';

function trafficChoices(names: PolicyNames): Choice<string>[] {
  return [
    { value: ALL_TCP, label: 'All TCP' },
    { value: PORTS, label: 'Ports that I name' },
    ...names.applications.map(({ name, title, ports }) => ({
      value: name,
      label: `${title} (${formatPorts(ports)})`,
      group: 'Applications',
    })),
  ];
}

/** An application of the catalogue, or ports, or everything. */
function TrafficFields({ rule, names, problems, onChange }: FormProps): ReactNode {
  const [byPorts, setByPorts] = useState(rule.ports.length > 0 || rule.unreadPorts !== undefined);
  const [typed, setTyped] = useState(rule.unreadPorts ?? formatPorts(rule.ports));
  const chosen = rule.application ?? (byPorts ? PORTS : ALL_TCP);
  const choose = (value: string): void => {
    setByPorts(value === PORTS);
    setTyped('');
    onChange({
      application: value === ALL_TCP || value === PORTS ? null : value,
      ports: [],
      unreadPorts: undefined,
    });
  };
  const read = (text: string): void => {
    setTyped(text);
    const ports = parsePorts(text);
    onChange('error' in ports ? { unreadPorts: text } : { ports, unreadPorts: undefined });
  };
  return (
    <>
      <SelectField label="Traffic" value={chosen} choices={trafficChoices(names)} onChoose={choose} />
      {chosen === PORTS && (
        <TextField
          label="Ports"
          mono
          placeholder="445, 8000-8100"
          hint="Of the destination. No port means all."
          error={problems.find(({ field }) => field === 'ports')?.message}
          value={typed}
          onChange={(event) => {
            read(event.target.value);
          }}
        />
      )}
    </>
  );
}

/** How accelerated traffic is treated; other actions have nothing to choose. */
function TreatmentFields({ rule, problems, onChange }: FormProps): ReactNode {
  return (
    <>
      <SelectField
        label="Compression"
        value={rule.compression}
        choices={choicesOf(COMPRESSIONS)}
        onChoose={(compression) => {
          onChange({ compression });
        }}
      />
      <SelectField
        label="Class"
        hint="Interactive goes first, scavenger takes what is left."
        value={rule.class}
        choices={choicesOf(CLASSES)}
        onChoose={(trafficClass) => {
          onChange({ class: trafficClass });
        }}
      />
      <TextField
        label="Weight"
        type="number"
        min={1}
        max={100}
        hint="Share against others of its class, 1 to 100."
        error={problems.find(({ field }) => field === 'weight')?.message}
        value={Number.isNaN(rule.weight) ? '' : rule.weight}
        onChange={(event) => {
          onChange({ weight: event.target.valueAsNumber });
        }}
      />
      <TextField
        label="Rate limit, Mbit/s"
        type="number"
        min={0.1}
        step="any"
        placeholder="none"
        hint="Each way, of all connections of the rule together, at each agent where they begin."
        error={problems.find(({ field }) => field === 'rateLimitMbps')?.message}
        value={rule.rateLimitMbps === null ? '' : rule.rateLimitMbps}
        onChange={({ target }) => {
          onChange({ rateLimitMbps: Number.isNaN(target.valueAsNumber) ? null : target.valueAsNumber });
        }}
      />
      <SelectField
        label="When the peer is down, new connections"
        value={rule.whenPeerDown}
        choices={choicesOf(WHEN_PEER_DOWN)}
        onChoose={(whenPeerDown) => {
          onChange({ whenPeerDown });
        }}
      />
    </>
  );
}

/** Everything that a rule says. */
export function RuleForm(props: FormProps): ReactNode {
  const { rule, names, problems, onChange } = props;
  const problem = (field: Problem['field']): string | undefined =>
    problems.find((each) => each.field === field)?.message;
  return (
    <div className="space-y-5 p-4">
      <div className="grid gap-4 sm:grid-cols-2">
        <TextField
          label="Name"
          required
          autoFocus={!rule.saved}
          maxLength={100}
          placeholder="Live migration between datacentres"
          error={rule.name === '' ? undefined : problem('name')}
          value={rule.name}
          onChange={(event) => {
            onChange({ name: event.target.value });
          }}
        />
        <SelectField
          label="Action"
          value={rule.action}
          choices={choicesOf(ACTIONS)}
          onChoose={(action) => {
            onChange({ action });
          }}
        />
      </div>
      <div className="grid gap-5 sm:grid-cols-2">
        <SelectorFields
          title="From"
          selector={rule.source}
          names={names}
          onChange={(source) => {
            onChange({ source });
          }}
        />
        <SelectorFields
          title="To"
          selector={rule.destination}
          names={names}
          onChange={(destination) => {
            onChange({ destination });
          }}
        />
      </div>
      <div className="grid gap-4 sm:grid-cols-2 lg:grid-cols-3">
        <TrafficFields {...props} />
        {rule.action === 'ACCELERATE' && <TreatmentFields {...props} />}
      </div>
    </div>
  );
}
