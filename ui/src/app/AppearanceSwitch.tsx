import BulbOutlined from '@ant-design/icons/es/icons/BulbOutlined';
import DesktopOutlined from '@ant-design/icons/es/icons/DesktopOutlined';
import MoonOutlined from '@ant-design/icons/es/icons/MoonOutlined';
import { Button } from 'antd';
import { type Appearance, useAppearance } from './Theme';

const NEXT: Record<Appearance, Appearance> = { system: 'light', light: 'dark', dark: 'system' };
const ICONS = { system: <DesktopOutlined />, light: <BulbOutlined />, dark: <MoonOutlined /> };
const LABELS = { system: 'as the system', light: 'light', dark: 'dark' };

export function AppearanceSwitch() {
  const { appearance, choose } = useAppearance();
  const next = NEXT[appearance];
  return (
    <Button
      type="text"
      size="small"
      icon={ICONS[appearance]}
      title={`Colours: ${LABELS[appearance]}. Press for ${LABELS[next]}.`}
      aria-label={`Colours: ${LABELS[appearance]}. Change to ${LABELS[next]}.`}
      onClick={() => choose(next)}
    />
  );
}
