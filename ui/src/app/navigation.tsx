// What the side bar lists, in this order.

import ClockCircleOutlined from '@ant-design/icons/es/icons/ClockCircleOutlined';
import DashboardOutlined from '@ant-design/icons/es/icons/DashboardOutlined';
import DatabaseOutlined from '@ant-design/icons/es/icons/DatabaseOutlined';
import DeploymentUnitOutlined from '@ant-design/icons/es/icons/DeploymentUnitOutlined';
import FileDoneOutlined from '@ant-design/icons/es/icons/FileDoneOutlined';
import PlayCircleOutlined from '@ant-design/icons/es/icons/PlayCircleOutlined';
import SettingOutlined from '@ant-design/icons/es/icons/SettingOutlined';
import UnorderedListOutlined from '@ant-design/icons/es/icons/UnorderedListOutlined';
import type { LinkProps } from '@tanstack/react-router';
import type { ReactNode } from 'react';

interface Entry {
  to: LinkProps['to'];
  label: string;
  icon: ReactNode;
}

export const NAVIGATION: readonly Entry[] = [
  { to: '/', label: 'Overview', icon: <DashboardOutlined /> },
  { to: '/jobs', label: 'Jobs', icon: <UnorderedListOutlined /> },
  { to: '/run', label: 'Run a job', icon: <PlayCircleOutlined /> },
  { to: '/library', label: 'Library', icon: <DatabaseOutlined /> },
  { to: '/plans', label: 'Plans', icon: <FileDoneOutlined /> },
  { to: '/schedules', label: 'Schedules', icon: <ClockCircleOutlined /> },
  { to: '/runners', label: 'Runners', icon: <DeploymentUnitOutlined /> },
  { to: '/settings', label: 'Settings', icon: <SettingOutlined /> },
];
