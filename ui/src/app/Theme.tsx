// Light and dark, after the system or as the person chose. Ant Design's tokens are CSS variables on the body's class, so that
// plain style sheets use the same colours.

import { App, ConfigProvider, theme } from 'antd';
import { createContext, type ReactNode, useContext, useEffect, useMemo, useState } from 'react';
import { useMedia } from './useMedia';

export type Appearance = 'system' | 'light' | 'dark';

/** The shipped font first, so that the page looks the same everywhere. Emoji fonts stay out of the list: they have digits and
 * a space of their own, which Chromium takes where no font before them is installed. It finds emoji without being told. */
const FONT = "'Inter Variable', system-ui, sans-serif";

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
const lessMotion = window.matchMedia('(prefers-reduced-motion: reduce)');

/** As chosen here before. A browser that keeps nothing for pages throws. */
function stored(): Appearance {
  try {
    const value = localStorage.getItem(STORED);
    return value === 'light' || value === 'dark' ? value : 'system';
  } catch {
    return 'system';
  }
}

function keep(appearance: Appearance): void {
  try {
    localStorage.setItem(STORED, appearance);
  } catch {
    // It holds as long as the page is open.
  }
}

export function Theme({ children }: { children: ReactNode }) {
  const [appearance, setAppearance] = useState(stored);
  const system = useMedia(systemDark);
  const dark = appearance === 'system' ? system : appearance === 'dark';
  const motion = !useMedia(lessMotion);

  useEffect(() => {
    document.documentElement.dataset.theme = dark ? 'dark' : 'light';
    document.documentElement.style.colorScheme = dark ? 'dark' : 'light';
  }, [dark]);

  const choice = useMemo<Choice>(() => {
    const choose = (chosen: Appearance) => {
      keep(chosen);
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
          token: {
            fontFamily: FONT,
            motion,
            colorPrimary: '#2f54eb',
            colorInfo: '#2f54eb',
            // Ant Design's own are too faint to be read by everyone.
            colorError: dark ? '#ff7875' : '#cf1322',
            colorTextPlaceholder: dark ? 'rgba(255, 255, 255, 0.6)' : 'rgba(0, 0, 0, 0.6)',
          },
          components: {
            Button: {
              dangerColor: dark ? '#141414' : '#ffffff',
              colorPrimaryHover: dark ? '#3d5fd9' : '#1d39c4',
              defaultHoverColor: dark ? '#85a5ff' : '#1d39c4',
            },
          },
        }}
      >
        <App component={false}>{children}</App>
      </ConfigProvider>
    </ChoiceContext>
  );
}
