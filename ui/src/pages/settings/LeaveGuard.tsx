// Asks before what is typed is lost.

import { useBlocker } from '@tanstack/react-router';
import { Button, Modal } from 'antd';
import { plural } from '../../job/words';

export function LeaveGuard({ unsaved }: { unsaved: number }) {
  const { status, proceed, reset } = useBlocker({
    shouldBlockFn: ({ current, next }) => unsaved > 0 && current.pathname !== next.pathname,
    enableBeforeUnload: () => unsaved > 0,
    withResolver: true,
  });
  if (status !== 'blocked') return null;
  return (
    <Modal
      open
      title="Leave without saving?"
      onCancel={reset}
      footer={[
        <Button key="stay" type="primary" autoFocus onClick={reset}>
          Stay
        </Button>,
        <Button key="leave" danger onClick={proceed}>
          Leave
        </Button>,
      ]}
    >
      <p>{plural(unsaved, 'change')} of the settings would be lost.</p>
    </Modal>
  );
}
