// Whether an element has been in view yet: what is read for it can wait until then.

import { useCallback, useState } from 'react';

/** `ref` goes to the element. */
export function useInView<T extends Element>() {
  const [seen, setSeen] = useState(false);
  const ref = useCallback((element: T | null) => {
    if (!element) return;
    const observer = new IntersectionObserver((entries) => {
      if (!entries.some((entry) => entry.isIntersecting)) return;
      setSeen(true);
      observer.disconnect();
    });
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  return { ref, seen };
}
