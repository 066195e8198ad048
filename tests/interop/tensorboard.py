"""tensorboard.py PROGRAM CONFIG: a run's event file, read by others' code, must tell what metrics.jsonl tells.

The reader is TensorBoard's own where it is installed, else the protobuf library with the messages of
tensorflow/core/util/event.proto and tensorflow/core/framework/summary.proto. Neither: skipped (exit status 77).
"""

import glob
import json
import os
import struct
import subprocess
import sys
import tempfile

SKIPPED = 77


def points_by_tensorboard(folder):
    """(tag, step) -> value, as TensorBoard shows them."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    accumulator = EventAccumulator(folder, size_guidance={"scalars": 0})
    accumulator.Reload()
    return {
        (tag, point.step): point.value
        for tag in accumulator.Tags()["scalars"]
        for point in accumulator.Scalars(tag)
    }


def event_class():
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

    kind = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(name="event.proto", package="tensorflow", syntax="proto3")

    def message(name, fields):
        target = file.message_type.add(name=name)
        for field, number, field_type, label, type_name in fields:
            target.field.add(name=field, number=number, type=field_type, label=label, type_name=type_name)

    one, many = kind.LABEL_OPTIONAL, kind.LABEL_REPEATED
    message("Value", [("tag", 1, kind.TYPE_STRING, one, None), ("simple_value", 2, kind.TYPE_FLOAT, one, None)])
    message("Summary", [("value", 1, kind.TYPE_MESSAGE, many, ".tensorflow.Value")])
    message(
        "Event",
        [
            ("wall_time", 1, kind.TYPE_DOUBLE, one, None),
            ("step", 2, kind.TYPE_INT64, one, None),
            ("file_version", 3, kind.TYPE_STRING, one, None),
            ("summary", 5, kind.TYPE_MESSAGE, one, ".tensorflow.Summary"),
        ],
    )
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    descriptor = pool.FindMessageTypeByName("tensorflow.Event")
    if hasattr(message_factory, "GetMessageClass"):
        return message_factory.GetMessageClass(descriptor)
    return message_factory.MessageFactory(pool).GetPrototype(descriptor)


def masked_crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 if crc & 1 else 0)
    crc ^= 0xFFFFFFFF
    return (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF


def records(path):
    data = open(path, "rb").read()
    at = 0
    while at < len(data):
        (length,) = struct.unpack_from("<Q", data, at)
        (length_crc,) = struct.unpack_from("<I", data, at + 8)
        record = data[at + 12 : at + 12 + length]
        (record_crc,) = struct.unpack_from("<I", data, at + 12 + length)
        assert length_crc == masked_crc32c(data[at : at + 8]), f"checksum of the length at {at}"
        assert record_crc == masked_crc32c(record), f"checksum of the record at {at}"
        yield record
        at += 16 + length


def points_by_protobuf(folder):
    Event = event_class()
    (path,) = glob.glob(os.path.join(folder, "events.out.tfevents.*"))
    events = [Event.FromString(record) for record in records(path)]
    assert events[0].file_version == "brain.Event:2", events[0]
    assert all(not event.UnknownFields() for event in events if hasattr(event, "UnknownFields"))
    return {(value.tag, event.step): value.simple_value for event in events for value in event.summary.value}


def expected_points(folder):
    names = {"loss": "loss/train", "train_top1": "top1/train", "top1_quantized": "top1/quantized",
             "top1_float": "top1/float", "alpha": "alpha", "lr": "lr",
             "loss_quantized": "loss/quantized", "loss_float": "loss/float",
             "top5_quantized": "top5/quantized", "top5_float": "top5/float"}  # fmt: skip
    for speed in ("images_per_second", "seconds", "data_wait_s"):
        names[speed] = "speed/" + speed
    points = {}
    for line in open(os.path.join(folder, "metrics.jsonl")):
        epoch = json.loads(line)
        for column, tag in names.items():
            points[tag, epoch["epoch"]] = epoch[column]
        for slot, values in epoch["layers"].items():
            for name, value in values.items():
                points[f"layers/{slot}/{name}", epoch["epoch"]] = value
        for name, values in epoch["classes"].items():
            for which, value in values.items():
                if value is not None:  # a class without images
                    points[f"classes/{name}/{which}", epoch["epoch"]] = value
    return points


def reader():
    try:
        import tensorboard  # noqa: F401

        return points_by_tensorboard
    except ImportError:
        pass
    try:
        import google.protobuf  # noqa: F401

        return points_by_protobuf
    except ImportError:
        print("skipped: neither tensorboard nor protobuf is installed for", sys.executable)
        sys.exit(SKIPPED)


def as_float32(value):
    return struct.unpack("<f", struct.pack("<f", value))[0]


def main(program, config):
    read = reader()
    with tempfile.TemporaryDirectory() as work:
        folder = os.path.join(work, "run")
        overrides = ["train.epochs=3", "quant.method=ab", "quant.bits=1", "data.train_size=64"]
        words = [word for override in overrides for word in ("--set", override)]
        subprocess.run([program, "train", config, "--run", folder, *words], check=True, capture_output=True)
        points, expected = read(folder), expected_points(folder)
    assert set(points) == set(expected), set(points) ^ set(expected)
    for key, value in expected.items():
        assert as_float32(value) == as_float32(points[key]), (key, value, points[key])
    assert len(expected) > 3 * 9 and any("sign_flips" in tag for tag, _ in expected)
    print(f"{len(points)} points, read by {read.__name__}, are those of metrics.jsonl")


main(*sys.argv[1:])
