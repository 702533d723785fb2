import { mount } from "csai-widget";
import { useEffect } from "react";

export interface CsaiChatProps {
  /** The publishable key, `pk_...`. */
  readonly apiKey: string;
  /** Where the csai server is. */
  readonly apiUrl: string;
  /** Your server's token for the visitor who is signed in; null when nobody is. Leave it out if you tell visitors apart nowhere. */
  readonly userToken?: string | null;
}

/** The chat, once on the page however often this is drawn. It stands beside the app's root: routes come and go below it. */
export function CsaiChat({ apiKey, apiUrl, userToken }: CsaiChatProps): null {
  useEffect(() => {
    const chat = mount({ apiKey, apiUrl });
    return () => chat.destroy();
  }, [apiKey, apiUrl]);
  useEffect(() => {
    if (userToken === undefined) return;
    mount({ apiKey, apiUrl }).identify(userToken === null ? null : { user_token: userToken });
  }, [apiKey, apiUrl, userToken]);
  return null;
}
