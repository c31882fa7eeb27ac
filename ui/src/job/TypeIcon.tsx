// A job type's icon: any of Ant Design's by its name without suffix, as the job's file gives it. Each is a file of its own,
// loaded when it is first shown, so that a new type needs no change here.

import { type ComponentType, useEffect, useState } from 'react';

type Icon = ComponentType<{ 'aria-hidden'?: boolean }>;

const FILES = import.meta.glob<{ default: Icon }>('/node_modules/@ant-design/icons/es/icons/*Outlined.js');
const loaded = new Map<string, Icon>();

/** `folder-open` → `FolderOpenOutlined`. */
function fileOf(name: string): (() => Promise<{ default: Icon }>) | undefined {
  const pascal = name.replace(/(?:^|[-_ ])([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
  return FILES[`/node_modules/@ant-design/icons/es/icons/${pascal}Outlined.js`] ?? FILES[toolIcon];
}

const toolIcon = '/node_modules/@ant-design/icons/es/icons/ToolOutlined.js';

export function TypeIcon({ name }: { name: string }) {
  const [Shown, show] = useState<Icon | undefined>(() => loaded.get(name));
  useEffect(() => {
    let wanted = true;
    const known = loaded.get(name);
    if (known) show(() => known);
    else {
      void fileOf(name)?.().then(({ default: icon }) => {
        loaded.set(name, icon);
        if (wanted) show(() => icon);
      });
    }
    return () => {
      wanted = false;
    };
  }, [name]);
  // The space is kept while the icon is on its way: nothing may jump.
  return <span className="type-icon">{Shown ? <Shown aria-hidden /> : null}</span>;
}
