"""Everything that touches Kafka's bytes, or the private parts of Faust and aiokafka.

Nothing outside this folder names a private attribute of either; `tests/contract` holds each seam.
"""
