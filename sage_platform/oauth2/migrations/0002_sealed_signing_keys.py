from django.db import migrations

import sage_platform.encryption


class Migration(migrations.Migration):
    dependencies = [
        ("oauth2", "0001_initial"),
    ]

    operations = [
        migrations.AlterField(
            model_name="signingkey",
            name="private_key",
            field=sage_platform.encryption.SealedField(editable=False, verbose_name="private key (encrypted)"),
        ),
    ]
