// Light and dark, after the system or as the person chose. Ant Design's tokens are CSS variables on the body's class, so that
// plain style sheets use the same colours.

import { App, ConfigProvider, theme } from 'antd';
import { createContext, type ReactNode, useContext, useEffect, useMemo, useState, useSyncExternalStore } from 'react';

export type Appearance = 'system' | 'light' | 'dark';

const STORED = 'stashhog.appearance';

interface Choice {
  appearance: Appearance;
  /** What `system` comes to. */
  dark: boolean;
  choose(appearance: Appearance): void;
}

const ChoiceContext = createContext<Choice>({ appearance: 'system', dark: false, choose: () => undefined });

export function useAppearance(): Choice {
  return useContext(ChoiceContext);
}

const systemDark = window.matchMedia('(prefers-color-scheme: dark)');

function useSystemDark(): boolean {
  return useSyncExternalStore(
    (listener) => {
      systemDark.addEventListener('change', listener);
      return () => systemDark.removeEventListener('change', listener);
    },
    () => systemDark.matches,
  );
}

function stored(): Appearance {
  const value = localStorage.getItem(STORED);
  return value === 'light' || value === 'dark' ? value : 'system';
}

export function Theme({ children }: { children: ReactNode }) {
  const [appearance, setAppearance] = useState(stored);
  const system = useSystemDark();
  const dark = appearance === 'system' ? system : appearance === 'dark';

  useEffect(() => {
    document.documentElement.dataset.theme = dark ? 'dark' : 'light';
    document.documentElement.style.colorScheme = dark ? 'dark' : 'light';
  }, [dark]);

  const choice = useMemo<Choice>(() => {
    const choose = (chosen: Appearance) => {
      localStorage.setItem(STORED, chosen);
      setAppearance(chosen);
    };
    return { appearance, dark, choose };
  }, [appearance, dark]);

  return (
    <ChoiceContext value={choice}>
      <ConfigProvider
        theme={{
          algorithm: dark ? theme.darkAlgorithm : theme.defaultAlgorithm,
          cssVar: { key: 'stashhog' },
          token: { colorPrimary: '#2f54eb', colorInfo: '#2f54eb' },
        }}
      >
        <App component={false}>{children}</App>
      </ConfigProvider>
    </ChoiceContext>
  );
}
