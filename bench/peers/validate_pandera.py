"""The same 20 checks with pandera."""
import sys
import pandas as pd
import pandera.pandas as pa

columns = {f"f{i}": pa.Column(float, pa.Check.in_range(-10, 10)) for i in range(10)}
columns |= {f"i{i}": pa.Column(int, pa.Check.in_range(0, 999)) for i in range(5)}
columns |= {f"t{i}": pa.Column(None, pa.Check.isin(["red", "green", "blue", "grey"])) for i in range(5)}
pa.DataFrameSchema(columns).validate(pd.read_parquet(sys.argv[1]), lazy=True)
