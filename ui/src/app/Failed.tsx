// What could not be read or done, and a way to try again.

import { Alert, Button } from 'antd';
import { capital } from '../job/words';

export function Failed({ error, again }: { error: Error; again?: () => void }) {
  return (
    <Alert
      type="error"
      showIcon
      title={capital(error.message)}
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
