"""The tables."""


def ratio(row, rows, precision):
    """How many times as long as Ocelli in this precision, which is the first of its rows."""
    ours = [each for each in rows if each["engine"] == "Ocelli" and each["precision"] == precision]
    return f"{row['milliseconds'] / ours[0]['milliseconds']:.2f}"


def table(header, rows):
    widths = [max(len(row[column]) for row in [header, *rows]) for column in range(len(header))]
    for row in [header, *rows]:
        cells = [cell.ljust(width) if at < 2 else cell.rjust(width) for at, (cell, width) in enumerate(zip(row, widths))]
        print("  " + "  ".join(cells).rstrip())
    print()


def share(agreements, row):
    cells = []
    for each in agreements:
        found = [other for other in each["rows"] if (other["engine"], other["precision"]) == (row["engine"], row["precision"])]
        cells.append(f"{100 * found[0]['same'] / each['photos']:.1f} %")
    return cells


def show(results):
    machine = results["machine"]
    print(f"{machine['processor']}, {machine['processors']} processors: {', '.join(machine['instructions'])}")
    print(f"Load before: {results['load']:.1f} (about 0 before a fair comparison).")
    print(f"Medians over {results['rounds']} rounds in which the engines take turns; milliseconds a photo.")
    print("The ratios are to Ocelli: above 1, Ocelli is that many times as fast.")
    print("The peers are given normalised tensors; Ocelli is given the photo's pixels and normalises them itself.")
    print("The shares say on how many photos of each set the first tag is that of Ocelli in f32.\n")
    for network in results["networks"]:
        agreements = [each for each in results["agreement"] if each["base"] == network["base"]]
        photos = "one photo" if network["batch"] == 1 else f"{network['batch']} photos"
        threads = "one thread" if network["threads"] == 1 else f"{network['threads']} threads"
        print(f"EfficientNet-{network['base'].capitalize()}, {photos}, {threads}")
        rows = [
            [
                row["engine"], row["precision"], f"{row['milliseconds']:.2f}", ratio(row, network["rows"], "f32"),
                ratio(row, network["rows"], "int8"), *share(agreements, row),
            ]
            for row in network["rows"]
        ]
        table(["engine", "precision", "ms", "to f32", "to int8", *[each["set"] for each in agreements]], rows)
    for each in results["bytes"]:
        print(f"From the bytes of a JPEG of {each['width']} x {each['height']} ({each['bytes']:,} bytes), one thread")
        rows = [
            [
                row["way_in"], f"{row['engine']} {row['precision']}", f"{row['milliseconds']:.2f}",
                ratio(row, each["rows"], "f32"), ratio(row, each["rows"], "int8"), f"{row['largest_change']:.4f}",
            ]
            for row in each["rows"]
        ]
        table(["decoding and resizing", "network", "ms", "to f32", "to int8", "largest change"], rows)
