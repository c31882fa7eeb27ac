// What could not be read or done, and a way to try again.

import { Alert, Button } from 'antd';

export function Failed({ error, again }: { error: Error; again?: () => void }) {
  const message = error.message.charAt(0).toUpperCase() + error.message.slice(1);
  return (
    <Alert
      type="error"
      showIcon
      title={message}
      action={
        again ? (
          <Button size="small" onClick={again}>
            Try again
          </Button>
        ) : undefined
      }
    />
  );
}
