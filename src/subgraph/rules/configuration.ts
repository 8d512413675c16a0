import { addressVariable } from '../../base/config.js';
import type { Problem } from '../../base/problems.js';
import { didYouMean } from '../../base/suggest.js';
import { lackingReads, type Read } from './lacking.js';
import { inText } from './fault.js';
import { mappingPlaces, type MappingPlace } from './places.js';
import type { Rule, Scope } from './rule.js';

/** Values of the environment and the config file that a file relies on are there. No value is ever shown. */
export const configuration: Rule = {
  check: (subgraph, scope) =>
    mappingPlaces(subgraph)
      .filter((place) => !isOverridden(place, scope))
      .flatMap((place) => [...checkEnvironment(place, scope), ...checkConfig(place, scope)]),
};

/** `SOURCE_USERS_URL`, or `sources.users.url` of the config file, stands in for the whole address. */
function isOverridden({ role, source }: MappingPlace, { environment, addressed }: Scope): boolean {
  if (role !== 'address' || source === undefined) return false;
  return environment[addressVariable(source.name)] !== undefined || (addressed ?? []).includes(source.name);
}

function checkEnvironment(place: MappingPlace, { environment }: Scope): Problem[] {
  const isUnset = ({ variable, name }: Read) => variable === '$env' && environment[name] === undefined;
  return lackingIn(place, isUnset).map(({ name, start }) => {
    const near = Object.keys(environment).filter((each) => environment[each] !== undefined);
    const help = defaultFor(name, place);
    const message =
      `${place.owner} uses $env.${name}, but the environment variable ${name} is not set.${didYouMean(name, near)}` +
      ` Set it${help === undefined ? '' : `, or give a default: ${help}`}.`;
    return inText(place.text, start, 'UNSET_ENVIRONMENT', message);
  });
}

/** How the grammar of the file writes a default, if it can. */
function defaultFor(name: string, { isTemplate, selections }: MappingPlace): string | undefined {
  const version = selections[0]?.version ?? '0.4';
  if (version === '0.1' || version === '0.2') return undefined;
  const either = `$env.${name} ?? '…'`;
  const written = version === '0.3' ? `$(${either})` : either;
  return isTemplate ? `{${written}}` : written;
}

function checkConfig(place: MappingPlace, { config }: Scope): Problem[] {
  const { source } = place;
  const given = source !== undefined && Object.hasOwn(config, source.name) ? config[source.name] : undefined;
  if (source === undefined || given === undefined) return [];
  const isLacking = ({ variable, name }: Read) => variable === '$config' && !Object.hasOwn(given, name);
  return lackingIn(place, isLacking).map(({ name, start }) => {
    const message =
      `${place.owner} uses $config.${name}, but the configuration of the source "${source.name}" has no "${name}".` +
      didYouMean(name, Object.keys(given));
    return inText(place.text, start, place.code, message);
  });
}

function lackingIn(place: MappingPlace, lacks: (read: Read) => boolean): Read[] {
  return place.selections.flatMap(({ root }) => lackingReads(root, lacks));
}
