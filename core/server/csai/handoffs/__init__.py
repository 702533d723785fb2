"""From the AI to teammates and back: who answers in a conversation."""
