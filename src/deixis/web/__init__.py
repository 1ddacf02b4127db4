"""``deixis serve`` and its page: FastAPI around one Segmenter, with limits, a bounded queue and a cache of pictures."""
