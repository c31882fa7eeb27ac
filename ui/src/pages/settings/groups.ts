// The parts of the page: one for each group of settings, with the service that can be tried.

import type { ServiceView, SettingsView, SettingView } from '../../api/schema';

export interface Group {
  name: string;
  settings: SettingView[];
  /** The first part of a setting's name is its service's. */
  services: ServiceView[];
}

/** Services first: most jobs need one. In a group, where something is comes before the rest. */
export function groupsOf({ settings, services }: SettingsView): Group[] {
  const groups = new Map<string, Group>();
  for (const setting of settings) {
    const group = groups.get(setting.group) ?? { name: setting.group, settings: [], services: [] };
    group.settings.push(setting);
    groups.set(setting.group, group);
  }
  for (const service of services) {
    const first = settings.find((setting) => belongsTo(setting, service));
    if (first) groups.get(first.group)?.services.push(service);
  }
  const isAddress = ({ kind }: SettingView) => Number(kind.type === 'url');
  for (const group of groups.values()) group.settings.sort((a, b) => isAddress(b) - isAddress(a));
  return [...groups.values()].sort((a, b) => b.services.length - a.services.length || a.name.localeCompare(b.name));
}

export function belongsTo({ name }: Pick<SettingView, 'name'>, service: ServiceView): boolean {
  return name.startsWith(`${service.name}.`);
}
